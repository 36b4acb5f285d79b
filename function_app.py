"""Azure Functions' entry: registers the blueprints of `handlers.azure`, nothing else. It must sit beside host.json."""

import azure.functions as func

from handlers.azure import approval, runbook, sentinel, sweep

app = func.FunctionApp()
app.register_functions(sentinel.blueprint)
app.register_functions(runbook.blueprint)
app.register_functions(approval.blueprint)
app.register_functions(sweep.blueprint)
