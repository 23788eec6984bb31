import Testing

@Suite struct ConversionTests {
  @Test func numberFormatsAgreeWithSwift() { #expect(Conversions.failures == []) }
}
