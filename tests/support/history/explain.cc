#include "tests/support/history/explain.h"

#include "tests/support/history/history_text.h"

namespace holdfast::history {

std::string Explain(const History& history, const Violation& violation) {
  std::string text = Name(violation.invariant);
  text += ": " + violation.message + '\n';
  for (const std::size_t event : violation.events) {
    text += "  [" + std::to_string(event) + "] " + ToText(history[event]) + '\n';
  }
  return text;
}

}  // namespace holdfast::history
