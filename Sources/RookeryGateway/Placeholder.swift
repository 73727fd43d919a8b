enum RookeryGatewayPlaceholder {}
