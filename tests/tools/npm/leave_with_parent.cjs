// Preloaded into node: ends it when the test process that started it is gone, however that ended.
process.stdin.on('end', () => process.exit(0)).resume();
