enum RookeryHostPlaceholder {}
