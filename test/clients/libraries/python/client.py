"""One client library on one event stream: prints each event that it hands to the application, a line of JSON each."""

import asyncio
import json
import sys
import time
from datetime import timedelta

NAME, URL = sys.argv[1:]
RETRY_S = 0.2


def show(type, data):
    print(json.dumps({"type": type, "data": data}), flush=True)


def resume_from(last):
    return {"Last-Event-ID": last} if last else {}


def httpx_sse():
    import httpx
    from httpx_sse import connect_sse

    last = ""
    while True:
        try:
            with httpx.Client(timeout=60) as client:
                with connect_sse(client, "GET", URL, headers=resume_from(last)) as source:
                    for event in source.iter_sse():
                        show(event.event, event.data)
                        last = event.id or last
        except httpx.TransportError:
            pass
        time.sleep(RETRY_S)


def sseclient_py():
    import requests
    from sseclient import SSEClient

    last = ""
    while True:
        try:
            headers = {"Accept": "text/event-stream", **resume_from(last)}
            response = requests.get(URL, stream=True, headers=headers, timeout=60)
            for event in SSEClient(response).events():
                show(event.event, event.data)
                last = event.id or last
        except requests.RequestException:
            pass
        time.sleep(RETRY_S)


def requests_sse():
    import requests
    from requests_sse import EventSource

    wait = timedelta(seconds=RETRY_S)
    with EventSource(URL, reconnection_time=wait, max_connect_retry=9, timeout=60) as source:
        for event in source:
            show(event.type, event.data)


async def aiohttp_sse_client2():
    import aiohttp
    from aiohttp_sse_client2.client import EventSource

    last = ""
    while True:
        try:
            async with EventSource(
                URL,
                reconnection_time=timedelta(seconds=RETRY_S),
                headers=resume_from(last),
                timeout=aiohttp.ClientTimeout(total=None, sock_read=60),
            ) as source:
                async for event in source:
                    show(event.type, event.data)
                    last = event.last_event_id or last
        except (aiohttp.ClientError, ConnectionError):
            pass
        await asyncio.sleep(RETRY_S)


CLIENTS = {"httpx-sse": httpx_sse, "sseclient-py": sseclient_py, "requests-sse": requests_sse}
if NAME in CLIENTS:
    CLIENTS[NAME]()
else:
    asyncio.run(aiohttp_sse_client2())
