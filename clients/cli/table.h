// Rows for people, in columns.

#ifndef HOLDFAST_CLIENTS_CLI_TABLE_H_
#define HOLDFAST_CLIENTS_CLI_TABLE_H_

#include <string>
#include <vector>

namespace holdfast::cli {

// Makes every cell printable (see text.h), so that none of them needs care elsewhere.
// Thread-compatible.
class Table {
 public:
  // Each row begins with `indent`.
  explicit Table(std::vector<std::string> header, std::string indent = "");

  // REQUIRES: as many cells as the header has.
  void Add(std::vector<std::string> row);

  bool empty() const { return rows_.size() == 1; }

  // With a line feed behind each row; an empty cell is shown as "-". Nothing at all if
  // there are no rows but the header.
  std::string Render() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::string indent_;
};

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_TABLE_H_
