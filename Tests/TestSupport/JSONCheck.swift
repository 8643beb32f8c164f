import Foundation

/// Whether Foundation reads it as JSON.
package func isJSON(_ text: [UInt8]) -> Bool {
  (try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)) != nil
}
