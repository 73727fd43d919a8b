enum RookeryControlPlaceholder {}
