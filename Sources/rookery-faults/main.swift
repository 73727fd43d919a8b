import RookeryFaults

await FaultsCommand.start()
