"""What server and worker tell Prometheus, as far as both do it alike."""
