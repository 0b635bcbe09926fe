"""What was collected about a host: fetched once, judged as often as wanted."""
