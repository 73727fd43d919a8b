enum RookeryAgentsPlaceholder {}
