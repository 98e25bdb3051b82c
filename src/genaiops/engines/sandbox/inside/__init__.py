"""What runs in processes of the sandbox: the standard library only, and nothing of the rest of genaiops, which is not
there. Loaded by its folder."""
