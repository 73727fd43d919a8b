import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookerySlack

/// Slack's double, held against Slack's own clients for Python: what they can work with is Slack enough for us.
@Suite(.timeLimit(.minutes(3))) struct PythonClientTests {
  private static func environment() async throws -> PythonEnvironment {
    try await PythonEnvironment("slack-clients", ["slack_sdk==3.48.0", "slack_bolt==1.30.0"])
  }

  private static func slack() async throws -> SlackDouble {
    let slack = try await SlackDouble.start()
    slack.addPerson("U0ADA", name: "Ada", email: "ada@example.org")
    slack.addChannel("C0GENERAL", name: "general", topic: "Company-wide")
    return slack
  }

  private func run(_ script: String, _ slack: SlackDouble) async throws -> Command.Result {
    let directory = try TemporaryDirectory()
    let file = try directory.write(script, to: "client.py")
    let environment = try await Self.environment()
    let result = try await Command.run([environment.program("python"), file, slack.apiURL + "/"], timeout: .seconds(120))
    withExtendedLifetime(directory) {}
    return result
  }

  @Test func theOfficialWebClientWorks() async throws {
    let slack = try await Self.slack()
    let result = try await run(
      #"""
      import sys
      from slack_sdk import WebClient
      from slack_sdk.errors import SlackApiError
      client = WebClient(token="xoxb-test-bot", base_url=sys.argv[1])
      assert client.auth_test()["user_id"] == "U0ROOKERY"
      assert client.users_info(user="U0ADA")["user"]["profile"]["email"] == "ada@example.org"
      assert client.conversations_info(channel="C0GENERAL")["channel"]["topic"]["value"] == "Company-wide"
      root = client.chat_postMessage(channel="C0GENERAL", text="root")
      ts = root["ts"]
      reply = client.chat_postMessage(channel="C0GENERAL", thread_ts=ts, text="reply",
          blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "*hi*"}}],
          metadata={"event_type": "t", "event_payload": {"key": "k"}})
      client.chat_update(channel="C0GENERAL", ts=reply["ts"], text="changed")
      client.reactions_add(channel="C0GENERAL", timestamp=ts, name="eyes")
      found = client.conversations_replies(channel="C0GENERAL", ts=ts, include_all_metadata="true")["messages"]
      assert [m["text"] for m in found] == ["root", "changed"], found
      assert found[1]["metadata"]["event_payload"]["key"] == "k"
      assert client.chat_getPermalink(channel="C0GENERAL", message_ts=ts)["permalink"].startswith("https://")
      client.chat_postEphemeral(channel="C0GENERAL", user="U0ADA", text="for you")
      client.files_upload_v2(channel="C0GENERAL", thread_ts=ts, filename="a.txt", content="hello", request_file_info=False)
      client.agents_sessions_setStatus(channel_id="C0GENERAL", thread_ts=ts, status="processing")
      def code(call):
          try:
              call()
          except SlackApiError as error:
              return error.response["error"] if error.response.status_code == 200 else (error.response.status_code, error.response.headers["Retry-After"])
          return None
      assert code(lambda: client.reactions_add(channel="C0GENERAL", timestamp=ts, name="eyes")) == "already_reacted"
      assert code(lambda: client.chat_update(channel="C0GENERAL", ts="1234567890.123456", text="x")) == "message_not_found"
      assert code(lambda: client.users_info(user="U0NOBODY")) == "user_not_found"
      assert code(lambda: WebClient(token="xoxb-wrong", base_url=sys.argv[1]).auth_test()) == "invalid_auth"
      assert code(lambda: client.chat_postMessage(channel="C0GENERAL", text="limited")) == (429, "7")
      """#, slack, limited: "limited")
    #expect(result.status == 0, "\(result.text)")
    #expect(slack.violations == [])
    #expect(slack.files.map(\.name) == ["a.txt"])
    #expect(slack.files.first?.data == Data("hello".utf8))
    await slack.stop()
  }

  private func run(_ script: String, _ slack: SlackDouble, limited text: String) async throws -> Command.Result {
    slack.limit(text: text, seconds: 7)
    return try await run(script, slack)
  }

  @Test func itIsStricterThanItsClients() async throws {
    let slack = try await Self.slack()
    let result = try await run(
      #"""
      import sys
      from slack_sdk import WebClient
      from slack_sdk.errors import SlackApiError
      client = WebClient(token="xoxb-test-bot", base_url=sys.argv[1])
      def refused(**arguments):
          try:
              client.chat_postMessage(channel="C0GENERAL", text="t", **arguments)
          except SlackApiError as error:
              return error.response["error"]
      section = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}
      def text(n): return {"type": "section", "text": {"type": "mrkdwn", "text": "x" * n}}
      def button(i, label="b", **more): return {"type": "button", "action_id": f"a{i}", "text": {"type": "plain_text", "text": label}, **more}
      def actions(elements): return {"type": "actions", "elements": elements}
      assert refused(blocks=[section] * 51) == "invalid_blocks"
      assert refused(blocks=[text(3001)]) == "invalid_blocks"
      assert refused(blocks=[text(2900)] * 5) == "msg_blocks_too_long"
      assert refused(blocks=[actions([button(i) for i in range(26)])]) == "invalid_blocks"
      assert refused(blocks=[actions([button(0, "x" * 76)])]) == "invalid_blocks"
      assert refused(blocks=[actions([button(0, value="x" * 2001)])]) == "invalid_blocks"
      assert refused(blocks=[actions([button(0), button(0)])]) == "invalid_blocks"
      assert refused(blocks=[{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]) == "invalid_blocks"
      assert refused(blocks=[{"type": "context", "elements": [section["text"]] * 11}]) == "invalid_blocks"
      assert refused(blocks=[{"type": "section", "fields": [section["text"]] * 11}]) == "invalid_blocks"
      assert refused(blocks=[section] * 50) is None
      """#, slack)
    #expect(result.status == 0, "\(result.text)")
    #expect(slack.violations.count >= 9, "each was noted: \(slack.violations)")
    await slack.stop()
  }

  @Test func boltIsServedOverSocketMode() async throws {
    let slack = try await Self.slack()
    async let running = run(
      #"""
      import os, sys, threading
      from slack_bolt import App
      from slack_bolt.adapter.socket_mode import SocketModeHandler
      from slack_sdk import WebClient
      client = WebClient(token="xoxb-test-bot", base_url=sys.argv[1])
      app = App(client=client, token="xoxb-test-bot")
      done = threading.Event()
      @app.event("app_mention")
      def mention(event, say):
          if "quit" in event["text"]: done.set()
          say(text="got it", thread_ts=event["ts"], blocks=[{"type": "actions", "elements": [
              {"type": "button", "action_id": "again", "text": {"type": "plain_text", "text": "Again"}, "value": "v"}]}])
      @app.event("message")
      def message(event): pass
      @app.action("again")
      def again(ack, body, client):
          ack()
          client.chat_postMessage(channel=body["channel"]["id"], thread_ts=body["message"]["thread_ts"], text="pressed by " + body["user"]["id"])
      SocketModeHandler(app, app_token="xapp-test-app", web_client=client).connect()
      assert done.wait(100)
      import time; time.sleep(1)
      os._exit(0)
      """#, slack)
    try await eventually("a socket") { await slack.socketCount() == 1 }
    let ts = await slack.write("<@\(SlackDouble.bot)> hello", as: "U0ADA", in: "C0GENERAL")
    try await eventually("the answer") { slack.ours(in: "C0GENERAL", thread: ts).count == 1 }
    let message = try #require(slack.ours(in: "C0GENERAL", thread: ts).first)
    try await slack.press("again", as: "U0ADA", on: message)
    try await eventually("the press") { slack.ours(in: "C0GENERAL", thread: ts).last?.text == "pressed by U0ADA" }
    await slack.refresh("warning")
    let opened = await slack.socketHistory().opened
    #expect(opened >= 1)
    try await eventually("another socket") { await slack.socketHistory().opened >= 2 }
    let second = await slack.write("<@\(SlackDouble.bot)> quit", as: "U0ADA", in: "C0GENERAL")
    try await eventually("the second answer") { slack.ours(in: "C0GENERAL", thread: second).count >= 1 }
    let result = try await running
    #expect(result.status == 0, "\(result.text)")
    #expect(await slack.socketViolations() == [])
    #expect(slack.violations == [])
    await slack.stop()
  }

  @Test func slacksVerifierAcceptsWhatIsSigned() async throws {
    let slack = try await Self.slack()
    let body = #"{"type":"event_callback","text":"é & <"}"#
    let headers = SlackDouble.signature(Data(body.utf8))
    let timestamp = headers["X-Slack-Request-Timestamp"] ?? ""
    let own = SlackSignature.sign(timestamp: timestamp, body: Data(body.utf8), secret: Secret(SlackDouble.signingSecret))
    #expect(own == headers["X-Slack-Signature"])
    let result = try await run(
      #"""
      from slack_sdk.signature import SignatureVerifier
      verifier = SignatureVerifier("\#(SlackDouble.signingSecret)")
      assert verifier.is_valid('\#(body)', "\#(timestamp)", "\#(own)")
      assert not verifier.is_valid('\#(body)x', "\#(timestamp)", "\#(own)")
      """#, slack)
    #expect(result.status == 0, "\(result.text)")
    await slack.stop()
  }
}
