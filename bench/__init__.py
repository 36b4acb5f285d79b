"""The benchmarks: Stanch's packaged functions beside the alternatives, on one stub of both clouds, as ratios (`make bench`)."""
