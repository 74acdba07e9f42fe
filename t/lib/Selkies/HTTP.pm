package Selkies::HTTP;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Plain HTTP for the harness: bytes go out, what comes until the end or the
# deadline is returned.

use warnings;
use strict;

use parent qw/ Exporter /;

our @EXPORT = qw/ http exchange http_get /;

use IO::Select;
use IO::Socket::INET;

sub http {
	my ($self, $request, %o) = @_;

	my $s = IO::Socket::INET->new(
		PeerAddr => '127.0.0.1:' . ($o{port} || $self->port(0)))
		or return '';

	return exchange($s, $request, %o);
}

sub exchange {
	my ($s, $request, %o) = @_;

	my $deadline = Selkies::clock() + ($o{timeout} || 5) * Selkies::slower();
	my $response = '';

	$s->autoflush(1);
	print $s $request;

	while (Selkies::clock() < $deadline) {
		next unless IO::Select->new($s)->can_read($deadline - Selkies::clock());
		last unless sysread $s, $response, 65536, length $response;
		last if $o{headers_only} && $response =~ /\r\n\r\n/;
	}

	return $response;
}

sub http_get {
	my ($self, $uri, %o) = @_;

	my $headers = join '', map { "$_\r\n" } @{ $o{headers} || [] };

	return http($self, "GET $uri HTTP/1.1\r\nHost: localhost\r\n"
		. "Connection: close\r\n$headers\r\n", %o);
}

1;
