"""The deployed artefacts in the clouds' own runtimes: Amazon's emulator with its runtime client, Microsoft's worker library, real queues.

Nothing here is ever skipped: what is missing on a machine fails the test.
"""
