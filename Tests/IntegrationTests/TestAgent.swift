/// An agent that speaks ACP and does what prompts say: it takes more into a turn, asks for permission, says what it was sent, and can be
/// as deaf to a stop as the worst of them.
enum TestAgent {
  static let configuration = """
    agents:
      definitions:
        - {name: tester, title: Tester, wire: acp, argv: [/usr/bin/python3, agent.py]}
    sessions: {children: 2, depth: 1}
    permissions:
      timeout_seconds: 15
      rules:
        - {about: "*forbidden*", answer: deny}
        - {about: "patient*", answer: ask}
        - {about: "ask*", answer: ask}
    """

  static let files = ["README.md": "# Hello\n", "agent.py": script]

  private static let script = #"""
    import json, os, signal, sys, urllib.request
    turn, session = None, 0
    asked = {}

    def send(message):
        sys.stdout.write(json.dumps(dict(message, jsonrpc="2.0")) + "\n")
        sys.stdout.flush()

    def say(text):
        send({"method": "session/update", "params": {"sessionId": "s", "update": {
            "sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}}})

    def text_of(blocks):
        return "".join(block.get("text", "") for block in blocks if block["type"] == "text")

    def end(reason="end_turn"):
        global turn
        if turn is not None:
            send({"id": turn, "result": {"stopReason": reason}})
        turn = None

    def work(blocks):
        words = text_of(blocks)
        if words.startswith("hang"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            open("kept.txt", "w").write("kept\n")
            say("deaf")
            if os.fork() == 0:
                signal.pause()
            while True:
                signal.pause()
        if words.startswith("wait"):
            open("kept.txt", "w").write("kept\n")
            say("waiting;")
        elif words.startswith("ask") or words.startswith("patient"):
            key = "q%d" % len(asked)
            asked[key] = words
            send({"id": key, "method": "session/request_permission", "params": {
                "sessionId": "s", "toolCall": {"toolCallId": key, "title": "Run it", "kind": "execute", "rawInput": {"command": words}},
                "options": [{"optionId": "yes", "name": "Yes", "kind": "allow_once"},
                            {"optionId": "no", "name": "No", "kind": "reject_once"}]}})
        elif words.startswith("tool"):
            _, name, arguments = words.split(" ", 2)
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": json.loads(arguments)}}
            request = urllib.request.Request(tools, json.dumps(body).encode(), {"Content-Type": "application/json"})
            with urllib.request.urlopen(request) as answer:
                say(";" + json.load(answer)["result"]["content"][0]["text"] + ";")
            end()
        elif words.startswith("files"):
            kinds = ",".join(block["type"] for block in blocks)
            paths = [line[2:].split(" (")[0] for line in words.splitlines() if line.startswith("- ")]
            sizes = ",".join(str(os.path.getsize(path)) for path in paths)
            say("%s %s %s" % (kinds, sizes, os.path.basename(paths[0])))
            end()
        else:
            open("said.txt", "a").write(words + "\n")
            say("echo " + words)
            end()

    for line in sys.stdin:
        message = json.loads(line)
        method, key = message.get("method"), message.get("id")
        parameters = message.get("params", {})
        if method == "initialize":
            send({"id": key, "result": {"protocolVersion": 1, "_meta": {"steering": {"supported": True}},
                  "agentCapabilities": {"promptCapabilities": {"image": True}, "mcpCapabilities": {"http": True}}}})
        elif method == "session/new":
            tools = [server["url"] for server in parameters["mcpServers"]][0]
            send({"id": key, "result": {"sessionId": "s"}})
        elif method == "session/prompt":
            turn = key
            work(parameters["prompt"])
        elif method == "_session/steering":
            words = text_of(parameters["prompt"])
            if words == "not now":
                send({"id": key, "result": {"outcome": "failed"}})
                continue
            send({"id": key, "result": {"outcome": "injected"}})
            say("told " + words + ";")
            open("told.txt", "a").write(words + "\n")
            if words == "finish":
                end()
        elif method == "session/cancel":
            end("cancelled")
        elif key in asked:
            say("answer " + str(message["result"]["outcome"].get("optionId", "none")))
            asked.pop(key)
            end()
    """#
}
