"""How fast traces of other programs are taken and stored: genaiops, Phoenix and MLflow."""
