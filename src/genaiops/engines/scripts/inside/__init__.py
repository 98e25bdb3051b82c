"""What runs in processes of a suite's own code: nothing of the rest of genaiops, which need not be there."""
