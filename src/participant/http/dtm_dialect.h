#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "net/http_client.h"
#include "participant/participant.h"

namespace settle::participant::dtm {

// How DTM calls the services of its users over HTTP and JSON-RPC, and what their answers mean.

/// By JSON-RPC: the dialect says so, and the URL names a method.
bool is_by_json_rpc(const Call& call);

/// GET without a payload, as DTM does; xa always posts.
std::string_view method_of(const Call& call);

/// Fills `url` for plain HTTP: what the URL has, then branch_id, gid, op and trans_type; for JSON-RPC `body`.
void build(const Call& call, Random& random, std::string& url, std::string& body);

/// Content type, and the headers that the client has asked for, which win. False: a value holds a control byte.
[[nodiscard]] bool append_headers(std::string& lines, const Call& call);

/// A status, or else a word anywhere in the body (services from before status codes): 425 or ONGOING, 409 or FAILURE,
/// 2xx, anything else unknown, in this order. By JSON-RPC then the code of `error`.
CallEnded ended_of(const net::HttpAnswer& answer, Op op, bool by_json_rpc);

/// An op without a URL is done. A check-back is not: a message that nobody can be asked about waits for its producer.
CallEnded ended_without_url(Op op);

}  // namespace settle::participant::dtm
