"""The real stores that tests run against: fetched once into `.tools/`, started on loopback, gone with the test process."""
