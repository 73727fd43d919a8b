enum RookeryServerPlaceholder {}
