// holdfast ls

#include "clients/cli/commands.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/json.h"
#include "clients/cli/locks.h"
#include "clients/cli/output.h"
#include "clients/cli/report.h"
#include "clients/cli/select.h"
#include "clients/cli/server.h"

namespace holdfast::cli {
namespace {

// The most that the API allows: fewer calls.
constexpr unsigned kPageSize = 1000;

}  // namespace

int List(const ListOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());

  Table table = LockTable();
  v1::ListRequest request;
  *request.mutable_filter() = ToFilter(options.select);
  request.set_page_size(kPageSize);
  do {
    const auto page = (*server)->Call((*server)->locks(), &v1::LockService::Stub::List, request);
    if (!page.ok()) return Report(page.status());
    for (const v1::Lock& lock : page->locks()) {
      if (!options.json) {
        AddRows(lock, table);
      } else if (!Print(ToJsonLine(lock))) {
        return ToInt(ExitCode::kFailed);
      }
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return Print(table.Render()) ? ToInt(ExitCode::kOk) : ToInt(ExitCode::kFailed);
}

}  // namespace holdfast::cli
