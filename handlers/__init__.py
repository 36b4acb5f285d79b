"""Where a cloud calls in: one file a trigger, thin. The wiring of each cloud is the only place where parts are put together."""
