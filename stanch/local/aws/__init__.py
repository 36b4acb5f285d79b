"""The laptop's AWS: moto's server on loopback, what moto lacks, and the seeding of what findings name."""
