#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A PulseAudio server that is another user's than the workers: they are let in
# with its cookie, or by the folder its socket is in, and otherwise not.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::Sound;
use Selkies::WebSocket;

plan(skip_all => 'only root can run things as others') if $> != 0;

my ($owner, $workers) = ('nobody', 'www-data');

plan(skip_all => "no users $owner and $workers")
	unless defined getpwnam $owner && defined getpwnam $workers
		&& defined getgrnam $workers;

my $t = Selkies->new(x => 0, user => $workers);

# one that wants its cookie, and one whose folder is all that keeps others out

my $strict = Selkies::Sound->new($t, name => 'strict', owner => $owner,
	group => $workers);
my $open = Selkies::Sound->new($t, name => 'open', owner => $owner,
	group => $workers, protocol => 'auth-anonymous=1');

my %servers = (
	known => [ $strict, $strict->cookie() ],
	unknown => [ $strict ],
	wrong => [ $strict, $open->cookie() ],
	hidden => [ $strict, $t->dir() . '/hidden' ],
	folder => [ $open ],
);

$t->write_file('hidden', $t->read_file(
	substr $strict->cookie(), 1 + length $t->dir()));
chmod 0600, $t->dir() . '/hidden';

my $display = 65000;

$t->conf(<<'EOC' . join('', map { location($_) } sort keys %servers) . '}}');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%
    selkies_streams 8;

    server {
        listen %%PORT_0%%;
EOC

sub location {
	my ($name) = @_;

	my ($sound, $cookie) = @{ $servers{$name} };
	my $socket = $sound->socket();

	$cookie = $cookie ? "selkies_pulse_cookie $cookie;" : '';
	$display++;

	return <<"EOC";
        location /$name/ {
            selkies on;
            selkies_display :$display;
            selkies_pulse_server $socket;
            $cookie
        }
EOC
}

$t->run();

sub status {
	my ($name) = @_;

	my ($body) = $t->http_get("/$name/api/status") =~ /\r\n\r\n(.*)/s;

	return decode_json($body)->{audio}{state};
}

sub client {
	my ($name) = @_;

	my $ws = Selkies::WebSocket->new($t, path => "/$name/websockets");

	$ws->send_text(Selkies::WebSocket::settings(320, 240), 'START_AUDIO');

	return $ws;
}

my $uid = (stat '/proc/' . ($t->workers())[0])[4];

is($uid, scalar getpwnam $workers, 'the workers are not root');
is((stat '/proc/' . $strict->pid())[4], scalar getpwnam $owner,
	'nor is PulseAudio');

for my $name (qw/ known folder /) {
	my $sound = $servers{$name}[0];
	my $ws = client($name);

	ok($ws->wait_text(qr/^AUDIO_STARTED$/), "$name: let in");

	$sound->is_heard($ws, name => $name);
	$ws->send_frame(2, "\x02" . "\0" x 256);
	ok(wait_for(sub {
		return $sound->ctl('list', 'short', 'sources') =~ /SelkiesVirtualMic/;
	}), "$name: and there is a microphone");
	$ws->close();
	ok(wait_for(sub {
		return $sound->ctl('list', 'short', 'sources') !~ /SelkiesVirtualMic/;
	}), "$name: which goes with its user");
}

for my $name (qw/ unknown wrong hidden /) {
	my $ws = client($name);

	ok($ws->wait_text(qr/^AUDIO_STOPPED$/), "$name: not let in, and told so");
	is(status($name), 'no_server', "$name: a state");
	ok($ws->round_trip(), "$name: the socket works");
	$ws->close();
}

$t->done();
