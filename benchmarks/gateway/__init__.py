"""The gateway against nginx and other gateways, on one machine: `python -m benchmarks.gateway`."""
