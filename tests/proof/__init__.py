"""What is claimed of Stanch, each claim with a figure: `make proof` measures them in full, the tests beside measure a bounded part of each."""
