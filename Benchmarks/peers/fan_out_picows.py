"""Broadcasts what any client sends to all the others, with picows on uvloop. Prints its port."""

import asyncio

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

clients = set()


class Client(WSListener):
    def on_ws_connected(self, transport: WSTransport):
        clients.add(transport)

    def on_ws_disconnected(self, transport: WSTransport):
        clients.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame):
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        message = frame.get_payload_as_bytes()
        for client in clients:
            client.send(WSMsgType.TEXT, message)


async def main():
    server = await ws_create_server(lambda request: Client(), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


uvloop.run(main())
