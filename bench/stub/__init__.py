"""One TLS server on loopback that answers what the benchmarks ask of AWS and Azure, and writes down every call with its times."""
