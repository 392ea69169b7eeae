#include "services/lock/rpc/wire.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/unknown_field_set.h"
#include "grpc/slice.h"
#include "services/lock/rpc/status.h"

namespace holdfast {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

// The very check by which the parser has refused the message.
bool IsUtf8(const std::string& text) {
  return google::protobuf::internal::IsStructurallyValidUTF8(text.data(),
                                                             static_cast<int>(text.size()));
}

// The path of the first string that is not UTF-8, in a message of this type that
// has been parsed as if none of its fields were known. Recursion ends because no
// request holds a message of its own type.
std::optional<std::string> FindInvalidUtf8(const Descriptor& type, const UnknownFieldSet& fields,
                                           const std::string& prefix) {
  std::map<int, int> next_index;
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    const FieldDescriptor* declared = type.FindFieldByNumber(field.number());
    if (declared == nullptr || field.type() != UnknownField::TYPE_LENGTH_DELIMITED) continue;
    std::string path = prefix + declared->name();
    if (declared->is_repeated()) {
      absl::StrAppend(&path, "[", next_index[field.number()]++, "]");
    }
    if (declared->type() == FieldDescriptor::TYPE_STRING) {
      if (!IsUtf8(field.length_delimited())) return path;
    } else if (declared->type() == FieldDescriptor::TYPE_MESSAGE) {
      UnknownFieldSet inner;
      if (!inner.ParseFromString(field.length_delimited())) return std::nullopt;
      if (auto found = FindInvalidUtf8(*declared->message_type(), inner, path + ".")) return found;
    }
  }
  return std::nullopt;
}

grpc::Status ExplainFailure(std::string_view bytes, const Descriptor& type) {
  UnknownFieldSet fields;
  if (fields.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    if (std::optional<std::string> path = FindInvalidUtf8(type, fields, "")) {
      return ToStatus(FieldError{std::move(*path), "must be UTF-8"});
    }
  }
  return MalformedRequest(type.full_name());
}

}  // namespace

grpc::Status ParseMessage(const grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  // One slice is the usual case and needs no copy.
  grpc::Slice slice;
  if (!bytes.Valid() ||
      (!bytes.TrySingleSlice(&slice).ok() && !bytes.DumpToSingleSlice(&slice).ok())) {
    return MalformedRequest(type.full_name());
  }
  if (message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) {
    return grpc::Status::OK;
  }
  const std::string copy(slice.begin(), slice.end());
  return ExplainFailure(copy, type);
}

grpc::Slice SerializeToSlice(const google::protobuf::Message& message) {
  const std::size_t size = message.ByteSizeLong();
  grpc_slice bytes = grpc_slice_malloc(size);
  message.SerializeWithCachedSizesToArray(GRPC_SLICE_START_PTR(bytes));
  return grpc::Slice(bytes, grpc::Slice::STEAL_REF);
}

grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message) {
  const grpc::Slice slice = SerializeToSlice(message);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace holdfast
