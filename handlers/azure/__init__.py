"""Azure Functions' entry points (programming model v2); `function_app.py` registers their blueprints."""
