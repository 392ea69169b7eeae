#include "clients/cli/json.h"

#include <google/protobuf/util/json_util.h>

namespace holdfast::cli {

std::string ToJsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string line;
  // It fails for messages of unknown types alone; there are none in the API.
  if (!google::protobuf::util::MessageToJsonString(message, &line, options).ok()) line = "{}";
  return line + "\n";
}

}  // namespace holdfast::cli
