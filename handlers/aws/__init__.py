"""Lambda's entry points."""

import gc

# What is loaded at the start lives as long as the process: looking for garbage in it, a dozen times over, is a fifteenth of a cold start. Later a function makes none to
# speak of, for what is not in cycles needs no looking for.
gc.set_threshold(100_000)
