enum RookeryRehearsalPlaceholder {}
