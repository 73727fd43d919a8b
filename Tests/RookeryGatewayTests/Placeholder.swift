enum RookeryGatewayTestsPlaceholder {}
