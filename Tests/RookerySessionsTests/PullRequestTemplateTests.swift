import Testing

@testable import RookerySessions

@Suite struct PullRequestTemplateTests {
  @Test func withoutATemplateTheWordsStandAlone() {
    #expect(PullRequestTemplate.fill(nil, with: "What I did.") == "What I did.")
    #expect(PullRequestTemplate.fill(" \n", with: "What I did.") == "What I did.")
    #expect(PullRequestTemplate.fill("## Why\n", with: "") == "## Why")
  }

  @Test func theWordsGoBelowTheFirstHeadingInPlaceOfItsComment() {
    let template = "## Description\r\n\r\n<!-- Say what\r\nand why -->\r\n\r\n## Checklist\r\n- [ ] Tests\r\n"
    #expect(
      PullRequestTemplate.fill(template, with: "What I did.") == "## Description\n\nWhat I did.\n\n\n## Checklist\n- [ ] Tests")
  }

  @Test func whatStandsBelowTheHeadingStays() {
    #expect(PullRequestTemplate.fill("# PR\nPlease read.", with: "Done.") == "# PR\n\nDone.\n\nPlease read.")
    #expect(PullRequestTemplate.fill("Fixes #\n", with: "Done.") == "Done.\n\nFixes #")
  }
}
