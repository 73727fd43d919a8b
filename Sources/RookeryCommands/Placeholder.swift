enum RookeryCommandsPlaceholder {}
