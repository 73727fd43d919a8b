"""Broadcasts what any client sends to all who follow, with uWebSockets (socketify). Prints its port."""

import socket

from socketify import App, AppListenOptions, CompressOptions, OpCode

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]

app = App()


def opened(client):
    client.subscribe("all")


def received(client, message, opcode):
    app.publish("all", message, OpCode.TEXT)


app.ws(
    "/*",
    {
        "compression": CompressOptions.DISABLED,
        "max_payload_length": 16 << 20,
        "max_backpressure": 1 << 20,
        "idle_timeout": 0,
        "open": opened,
        "message": received,
    },
)
app.listen(AppListenOptions(port=port, host="127.0.0.1"), lambda config: print(port, flush=True))
app.run()
