import Foundation
import RookeryModel
import Testing

@testable import RookeryAgents

@Suite struct JSONReaderTests {
  private func read(_ text: String) throws(JSONReader.Failure) -> JSONValue { try JSONReader.value(of: Array(text.utf8)) }

  @Test(arguments: [
    "null", "true", " false ", "0", "-1", "12345678901234567", "1.5", "1e3", "-2.5E-3", "18446744073709551616", #""""#,
    #""a\n\"\\\/\b\f\r\té""#,
    "[]", "[1, [2, {}], \"x\"]", "{}", #"{"a": {"b": [null, true]}, "é": "日本"}"#, #"{"a":1,"b":{"a":2}}"#, "\t[\r\n1 ]",
  ])
  func agreesWithFoundation(text: String) throws {
    #expect(try read(text) == JSON.decode(JSONValue.self, from: Data(text.utf8)))
  }

  @Test(arguments: [
    "", " ", "{", "}", "[", "[1", "[1,", "[1,]", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{1:2}", "nul", "truee", "1 2", "+", "-", "1e", "0x1",
    "1e999",
    #"""#, #""\"#, #""\u12"#, #""\u12G4""#, #""\x""#, "'a'", "[1}", "NaN", "{\"a\":1}x",
  ])
  func refuses(text: String) {
    #expect(throws: JSONReader.Failure.malformed) { try read(text) }
  }

  @Test func repairsText() throws {
    #expect(try read(#""\ud83d\ude00""#) == .string("😀"))
    #expect(try read(#""a\ud83dz""#) == .string("a\u{FFFD}z"))
    #expect(try read(#""\ud83d\u0041""#) == .string("\u{FFFD}A"))
    #expect(try read(#""\ude00""#) == .string("\u{FFFD}"))
    #expect(try read(#""\ud83d""#) == .string("\u{FFFD}"))
    #expect(try read(#""\u0000""#) == .string("\u{0}"))
    #expect(try JSONReader.value(of: [0x22, 0xff, 0x61, 0x01, 0x22]) == .string("\u{FFFD}a\u{1}"))
  }

  @Test func isBounded() throws {
    let deep = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
    #expect(throws: Never.self) { try read(deep(128)) }
    #expect(throws: JSONReader.Failure.tooComplex) { try read(deep(129)) }
    #expect(throws: JSONReader.Failure.tooComplex) { try read(String(repeating: #"{"a":"#, count: 100_000)) }
    #expect(throws: JSONReader.Failure.tooComplex) { try read("[" + String(repeating: "0,", count: 1_000_001) + "0]") }
    #expect(throws: JSONReader.Failure.malformed) { try read(String(repeating: "1", count: 401)) }
  }
}
