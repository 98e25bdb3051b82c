"""Guard: what calls and answers say, judged before it goes on. Built so far: `surfaces`, where it stands."""
