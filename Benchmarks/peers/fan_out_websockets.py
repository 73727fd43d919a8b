"""Broadcasts what any client sends to all the others, with python websockets on uvloop. Prints its port."""

import asyncio

import uvloop
from websockets.asyncio.server import broadcast, serve

clients = set()


async def handle(socket):
    clients.add(socket)
    try:
        async for message in socket:
            broadcast(clients, message)
    finally:
        clients.discard(socket)


async def main():
    async with serve(handle, "127.0.0.1", 0, compression=None, max_queue=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


uvloop.run(main())
