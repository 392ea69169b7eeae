#include "clients/cli/table.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "clients/cli/text.h"

namespace holdfast::cli {

Table::Table(std::vector<std::string> header, std::string indent)
    : rows_{std::move(header)}, indent_(std::move(indent)) {}

void Table::Add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = cell.empty() ? "-" : Printable(cell);
  rows_.push_back(std::move(row));
}

std::string Table::Render() const {
  if (empty()) return "";
  std::vector<int> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    text += indent_;
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      // The last column's width may be anything; padding it would only wrap lines.
      if (i + 1 < row.size()) text.append(widths[i] - DisplayWidth(row[i]) + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace holdfast::cli
