// Which locks a command is about, as the API says it.

#ifndef HOLDFAST_CLIENTS_CLI_SELECT_H_
#define HOLDFAST_CLIENTS_CLI_SELECT_H_

#include "clients/cli/options.h"
#include "holdfast/v1/lease.pb.h"

namespace holdfast::cli {

inline v1::Filter ToFilter(const SelectOptions& select) {
  v1::Filter filter;
  filter.set_key_prefix(select.prefix);
  filter.mutable_tags()->Add(select.tags.begin(), select.tags.end());
  return filter;
}

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_SELECT_H_
