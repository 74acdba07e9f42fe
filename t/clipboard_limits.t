#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What the clipboard must not do: pass a direction, a type or a size that is not
# allowed, reach who only watches, believe what does not add up. And what
# dialect 2 says otherwise.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Clipboard;
use Selkies::Png;
use Selkies::WebSocket;

my $t = Selkies->new(x => '1280x720', workers => 2, timeout => 120);

$t->conf(<<'EOC');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%
    server {
        listen %%PORT_0%%;
        root %%TESTDIR%%/html;

        location / { %%SELKIES%% }
        location /in/ { %%SELKIES%% selkies_enable_clipboard in; }
        location /out/ { %%SELKIES%% selkies_enable_clipboard out; }
        location /off/ { %%SELKIES%% selkies_enable_clipboard false; }
        location /text/ {
            %%SELKIES%%
            selkies_enable_binary_clipboard false|locked;
        }
        location /small/ { %%SELKIES%% selkies_clipboard_max_size 100k; }
        location /watch/ { %%SELKIES%% selkies_role viewer; }
    }
}
EOC

my $clip = Selkies::Clipboard->new($t);
my $c;

$t->run();

my $png = png(2, 2, 7, 7, 7, 255);

sub b64 { Selkies::Clipboard::b64($_[0]) }

# Ten a second are allowed: a new session counts anew.

sub control {
	my ($path, %o) = @_;

	return $c = $clip->control(path => "${path}websockets", ext => 1, %o);
}

sub text { return Selkies::Clipboard::text_of($_[0]) }

###############################################################################
# directions

control('/');
$clip->send('at first');
$clip->pastes('at first', 'both ways: in');

control('/out/');
$clip->send('refused');
$clip->refusal(qr/"direction":"in","reason":"disabled"/, 'out alone: not in');
is($clip->paste('UTF8_STRING'), 'at first', 'and nothing is changed');
$clip->own(UTF8_STRING => 'outward');
$clip->comes('text/plain', 'outward', 'but out');

control('/in/');
$clip->own(UTF8_STRING => 'kept inside');
$clip->nothing('in alone: not out');
$c->send_text('REQUEST_CLIPBOARD');
$clip->nothing('nor when asked');
$c->send_text('cr');
$c->wait_text(qr/^clipboard_reply/);
$clip->comes('text/plain', '', 'cr has an empty answer');
$clip->send('inward');
$clip->pastes('inward', 'but in');

control('/off/');
$clip->send('refused');
$clip->refusal(qr/"reason":"disabled"/, 'off: not in');
$clip->own(UTF8_STRING => 'nobody hears');
$clip->nothing('off: not out');

control('/text/');
$clip->send($png, mime => 'image/png');
$clip->refusal(qr/"reason":"disabled"/, 'no images: not in');
$clip->own('image/png' => $png);
$clip->nothing('no images: not out');
$clip->own('image/png' => $png, UTF8_STRING => 'text');
$clip->comes('text/plain', 'text', 'but text');
$clip->send('<b>b</b>', mime => 'text/html');
$clip->send('b');
$clip->pastes('b', 'and text with HTML');

control('/', settings => { enable_binary_clipboard => 'false' });
$clip->own('image/png' => $png);
$clip->nothing('a client without images gets none');

###############################################################################
# sizes

control('/small/');

my ($most, $more) = map { text($_) } 102400, 102401;

$clip->send($most);
$clip->pastes($most, 'as large as allowed');
$clip->send($more);
$clip->refusal(qr/"direction":"in","reason":"too_large","max_bytes":102400/,
	'a byte more is refused');
$c->send_text('cws,102401', 'cwd,' . b64('x'), 'cwd,' . b64('y'), 'cwe');
$clip->refusal(qr/"reason":"too_large"/, 'so is one in chunks');
$clip->nothing('once');
$c->send_text('cws,9223372036854775807');
$clip->refusal(qr/"reason":"too_large"/, 'whatever it says');
is($clip->paste('UTF8_STRING'), $most, 'and nothing is changed');

$clip->own(UTF8_STRING => $more);
$clip->refusal(qr/"direction":"out","reason":"too_large"/,
	'a byte more of the desktop');
$clip->own(UTF8_STRING => text(400_000));
$clip->refusal(qr/"direction":"out","reason":"too_large"/,
	'and one that comes in pieces');
$clip->own(UTF8_STRING => $most);
$clip->comes('text/plain', $most, 'as large as allowed');
$c->send_text('cr');
$c->wait_text(qr/^clipboard_reply/);
$clip->comes('text/plain', $most, 'as an answer, too');

###############################################################################
# what does not add up

control('/');
$clip->send('as it was');
$clip->pastes('as it was', 'a clipboard');

for my $case (
	[ 'bytes are missing', 'cws,3', 'cwd,' . b64('ab'), 'cwe' ],
	[ 'bytes are too many', 'cws,1', 'cwd,' . b64('ab'), 'cwe' ],
	[ 'no base64', 'cws,2', 'cwd,a?==', 'cwe' ],
	[ 'no base64 in one', 'cw,AAA' ],
	[ 'no UTF-8', 'cw,' . b64("\xff\xfe") ],
	[ 'chunks of none', 'cwd,' . b64('ab') ],
	[ 'the end of another kind', 'cws,1', 'cwd,' . b64('a'), 'cbe' ],
	[ 'the end of another id', 'cws,7,1', 'cwd,7,' . b64('a'), 'cwe,8' ],
) {
	my ($name, @texts) = @$case;

	control('/');
	$c->send_text(@texts);
	$clip->refusal(qr/"reason":"broken"/, $name);
}

control('/');
$c->send_text('cbs,application/x-executable,1', 'cbd,' . b64('a'), 'cbe');
$clip->refusal(qr/"reason":"type"/, 'a type that no clipboard has');
$clip->send($_, mime => 'image/png'), $clip->refusal(qr/"reason":"type"/,
	'a PNG that is none') for 'GIF89a', substr($png, 0, 50);
$c->send_text('cw,', 'cws,0', 'cwe');
$clip->nothing('an empty one is nothing');
is($clip->paste('UTF8_STRING'), 'as it was', 'none of it changed anything');

$c->send_text('cws,6', 'cwd,' . b64('old'), 'cws,3', 'cwd,' . b64('new'),
	'cwe');
$clip->pastes('new', 'a new transfer ends the one before it');

###############################################################################
# how often

control('/');
$c->send_text(map { 'cw,' . b64("number $_") } 1 .. 25);
$clip->refusal(qr/"reason":"too_fast"/, 'more than ten a second');

# the refusal may be here before the X server has heard of the first one

my $n;

wait_for { ($n) = ($clip->paste('UTF8_STRING') // '') =~ /^number (\d+)$/ } 5;
cmp_ok($n || 99, '<=', 20, 'not all of them count');
select undef, undef, undef, 1.1;
$clip->send('later');
$clip->pastes('later', 'a second later they do again');

###############################################################################
# who only watches, and who does no more

my $v = Selkies::WebSocket->viewer($t);
my $w = Selkies::WebSocket->new($t, path => '/watch/websockets');

$w->send_text(Selkies::WebSocket::settings(800, 600));
$w->wait_frame(key => 1);
$_->forget() for $v, $w;

$clip->own(UTF8_STRING => 'for one alone');
$clip->comes('text/plain', 'for one alone', 'the controller is sent it');
$clip->nothing('a viewer is not', $v);
$clip->nothing('nor who may not control', $w);

for my $who ($v, $w) {
	$who->send_text('cr', 'REQUEST_CLIPBOARD', 'cw,' . b64('theirs'), 'cws,6',
		'cwd,' . b64('theirs'), 'cwe', 'cb,image/png,' . b64('theirs'));
	$clip->nothing('not when it asks', $who);
}

is($clip->paste('UTF8_STRING'), 'for one alone', 'what they send is nothing');

my $before = $c;

control('/');
$clip->own(UTF8_STRING => 'for the next');
$clip->comes('text/plain', 'for the next', 'who took over is sent it');
ok(!(grep { /^clipboard/ } @{ $before->{texts} }), 'who was taken over is not');

###############################################################################
# dialect 2

$c = $clip->control(path => '/api/websockets');
$clip->nothing('dialect 2 is sent nothing that it did not ask for');
$c->send_text('cr');
$c->wait_text(qr/^clipboard_reply,cr$/) or fail('no reply');
$clip->comes('text/plain', 'for the next', 'cr: a reply, then the text');

my $text = text(900_000);

$clip->send($text, id => 'a1');
$clip->pastes($text, 'a transfer with an id');
$clip->send($png, mime => 'image/png', id => 'b-2');
$clip->pastes($png, 'a picture with an id', 'image/png');
$c->send_text('cws,one,3', 'cwd,two,' . b64('xyz'), 'cwd,one,' . b64('abc'),
	'cwe,one');
ok($c->wait_text(qr/^system,.*command_error/, 5), 'an error is said as its '
	. 'pages show it');
$clip->own(UTF8_STRING => $text);
$clip->comes('text/plain', $text, 'a large one out');
$clip->x()->ask('clear', qr/^cleared/);
$c->send_text('cr');
$c->wait_text(qr/^clipboard_reply,cr$/) or fail('no reply');
is($c->wait_text(qr/^clipboard,/, 5), 'clipboard,', 'cr: empty');

my $log = $t->error_log();

like($log, qr/clipboard of display ":\d+": 3 bytes of text\/plain from the cli/,
	'a line in the log');
unlike($log, qr/theirs|kept inside|outward|@{[ b64('theirs') ]}/,
	'without what it was');

$t->done();
