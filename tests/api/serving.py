"""What the handlers of deployments and experiments need: part of the table in `test_access.py`."""

_ONE = "/experiments/{experiment_id:str}"

SERVING: dict[tuple[str, str], str | None] = {
    ("GET", "/deployments"): "read",
    ("POST", "/deployments"): "deployments",
    ("GET", "/deployments/{deployment_id:str}"): "read",
    ("DELETE", "/deployments/{deployment_id:str}"): "deployments",
    ("GET", "/deployments/{deployment_id:str}/history"): "read",
    ("POST", "/deployments/{deployment_id:str}/rollback"): "deployments",
    ("GET", "/deployments/{deployment_id:str}/shadow"): "read",
    ("POST", "/deployments/{deployment_id:str}/shadow"): "deployments",
    ("DELETE", "/deployments/{deployment_id:str}/shadow"): "deployments",
    ("GET", "/experiments"): "read",
    ("POST", "/experiments"): "deployments",
    ("POST", "/experiments/forecast"): "read",
    ("GET", _ONE): "read",
    ("DELETE", _ONE): "deployments",
    ("GET", f"{_ONE}/looks"): "read",
    ("POST", f"{_ONE}/start"): "deployments",
    ("POST", f"{_ONE}/stop"): "deployments",
    ("POST", f"{_ONE}/decide"): "deployments",
}
