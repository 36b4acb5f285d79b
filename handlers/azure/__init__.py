"""Azure Functions' entry points (programming model v2); `function_app.py` registers their blueprints."""

import gc

gc.set_threshold(50_000)
"""Objects made between two looks for garbage in cycles, instead of 2,000: a cold start makes hundreds of thousands, none of them garbage, and looking through them takes a tenth of it."""
