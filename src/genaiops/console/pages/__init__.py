"""One file a page: thin handlers."""
