// holdfast watch

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/cli/commands.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/json.h"
#include "clients/cli/locks.h"
#include "clients/cli/output.h"
#include "clients/cli/report.h"
#include "clients/cli/select.h"
#include "clients/cli/server.h"
#include "clients/cli/span.h"
#include "clients/cli/text.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::cli {
namespace {

// Empty: a kind that only a newer server knows.
std::string_view Verb(v1::LeaseEvent::Kind kind) {
  switch (kind) {
    case v1::LeaseEvent::HELD:
      return "held";
    case v1::LeaseEvent::GRANTED:
      return "granted";
    case v1::LeaseEvent::RELEASED:
      return "released";
    case v1::LeaseEvent::EXPIRED:
      return "expired";
    case v1::LeaseEvent::FORCED:
      return "forced";
    default:
      return "";
  }
}

// One line, aligned as far as it can be without knowing those that follow.
std::string Describe(const v1::LeaseEvent& event) {
  const std::string_view verb = Verb(event.kind());
  // The end of the snapshot matters to programs: people see what is `held`.
  if (verb.empty()) return "";
  std::string line = absl::StrFormat(
      "%s  %-8s  %s  %s  token %d", FormatMoment(event.time()),
      absl::string_view(verb.data(), verb.size()), Printable(event.key()),
      event.owner().empty() ? "-" : Printable(event.owner()), event.fencing_token());
  if (event.has_expire()) {
    absl::StrAppend(&line, "  expire ", FormatSpan(core::FromProto(event.expire())));
  }
  if (!event.tags().empty()) {
    absl::StrAppend(&line, "  tags ", Printable(JoinTags(event.tags())));
  }
  return line + "\n";
}

// Whether a server answers, by a call that gives up if none does: a stream to a server
// that hangs would only be silent.
absl::Status FindServer(Server& server) {
  v1::ListRequest request;
  request.set_page_size(1);
  return server.Call(server.locks(), &v1::LockService::Stub::List, request).status();
}

}  // namespace

int Watch(const WatchOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());
  if (const absl::Status found = FindServer(**server); !found.ok()) return Report(found);

  v1::WatchRequest request;
  *request.mutable_filter() = ToFilter(options.select);
  grpc::ClientContext context;
  const auto stream = (*server)->locks().Watch(&context, request);
  v1::WatchResponse response;
  while (stream->Read(&response)) {
    std::string lines;
    for (const v1::LeaseEvent& event : response.events()) {
      lines += options.json ? ToJsonLine(event) : Describe(event);
    }
    if (!Print(lines)) return ToInt(ExitCode::kFailed);
  }
  const absl::Status end = core::StatusFrom(stream->Finish());
  // The server has no reason to end a watch well.
  return Report(end.ok() ? absl::UnavailableError("the server has ended the watch") : end);
}

}  // namespace holdfast::cli
