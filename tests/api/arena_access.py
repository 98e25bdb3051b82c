"""What the handlers of suites and their runs need: rows of the table in test_access.py."""

ARENA: dict[tuple[str, str], str | None] = {
    ("GET", "/suites"): "read",
    ("POST", "/suites"): "artifacts",
    ("GET", "/suites/schema"): "read",
    ("POST", "/suites/check"): "read",
    ("POST", "/suites/expand"): "read",
    ("GET", "/suites/trend"): "read",
    ("POST", "/suites/look"): "playground",
    ("GET", "/runs"): "read",
    ("GET", "/runs/{run_id:str}/attacks"): "read",
    ("GET", "/runs/{run_id:str}/compare/{other_id:str}"): "content",
    ("POST", "/runs"): "playground",
    ("GET", "/runs/{run_id:str}"): "read",
    ("DELETE", "/runs/{run_id:str}"): "playground",
    ("GET", "/runs/{run_id:str}/events"): "read",
    ("GET", "/runs/{run_id:str}/cases"): "content",
    ("POST", "/runs/{run_id:str}/stop"): "playground",
    ("POST", "/runs/{run_id:str}/resume"): "playground",
    ("GET", "/runs/{run_id:str}/selection"): "read",
    ("POST", "/runs/{run_id:str}/selection"): "approve",
    ("POST", "/runs/{run_id:str}/selection/comparison"): "read",
}
