#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Gamepads of displays that variables name: their sockets come with the first
# client, are served wherever that one is, and go with the display.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Pad;
use Selkies::WebSocket;

my $t = Selkies->new(x => '640x480', workers => 2, timeout => 120);
my $base = $t->dir() . '/pads';

# gamepads need no X server: most of the displays have none

my %n = (one => $t->{number}, two => 65001, three => 65002, gone => 65003,
	none => 65004);

mkdir "$base-$_" for qw/ one two /;

my $conf = <<"EOC";
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%
    selkies_idle 300ms;
    selkies_streams 8;
    selkies_ring_size 4m;

    map \$arg_desk \$desk {
        one     :$n{one};
        two     :$n{two};
        gone    :$n{gone};
        none    :$n{none};
        default :$n{three};
    }

    map \$arg_desk \$pads {
        one     $base-one;
        two     $base-two;
        same    $base-one;
        up      $base-one/../$base-one;
        gone    $base-gone;
        default "";
    }

    server {
        listen %%PORT_0%% reuseport;

        location / {
            selkies on;
            selkies_display \$desk;
            selkies_xauthority %%XAUTH%%;
            selkies_js_socket_path \$pads;
        }
    }
}
EOC

sub files { join ' ', map { s!.*/selkies_!!r } sort glob "$base-$_[0]/*" }

my $all = join ' ', sort map { "$_.sock" } (map { "js$_" } 0 .. 3),
	map { "event$_" } 1000 .. 1003;

sub has_files {
	my ($desk, $want, $name) = @_;

	ok(wait_for(sub { files($desk) eq $want }, 5), $name) or diag(files($desk));
}

sub controller {
	my ($desk) = @_;

	my $c = Selkies::WebSocket->controller($t, 640, 480, nowait => 1,
		path => "/websockets?desk=$desk");

	ok($c->wait_text(qr/^MODE websockets$/, 10), "$desk: a client");

	return $c;
}

sub pad {
	my ($desk, $name) = @_;
	my $p = Selkies::Pad->new("$base-$desk", $name || 'js0') or return;

	$p->take(19) unless $name;

	return $p;
}

# A new owner may be one for a moment only, while old workers leave.

sub is_served {
	my ($desk, $c, $n, $name) = @_;

	ok(wait_for(sub {
		my $p = Selkies::Pad->new("$base-$desk", 'js0') or return 0;
		$c->send_text("js,b,0,$n,0", "js,b,0,$n,1");

		while (my $record = $p->next(1)) {
			return 1 if $record eq "button $n 1";
		}

		return 0;
	}, 10), $name);
}

###############################################################################
# a folder that is written would be that of all displays

$t->conf($conf =~ s/js_socket_path \$pads/js_socket_path $base-one/r);
like(($t->test_conf())[1], qr/\[warn\].* no gamepads: where variables name the/,
	'variables name the display alone');

$t->conf($conf);
$t->run();
is(files('one'), '', 'before its first client a display has no sockets');

###############################################################################
# one whose client is the owner's own, and another one's

my $one = controller('one');

like($one->wait_text(qr/"server_settings"/, 5) || '',
	qr/"gamepad_enabled":\{"value":true/, 'it hears that there are some');
has_files('one', $all, 'with it eight');

my $js = pad('one');

$one->send_text('js,b,0,0,1');
is($js->take(1), 'button 0 1', 'they are served');

my $ev = pad('one', 'event1000');

$one->send_text('_ext,{"want":["rumble"]}');
$ev->send("F\0" . pack 'S3', 65535, 0, 200);
ok($one->wait_text(qr/^\{"type":"rumble"/, 3), 'both ways');

my $owner = $t->owner();
my $two;

for (1 .. 40) {
	$two = Selkies::WebSocket->controller($t, 640, 480, nowait => 1,
		path => '/websockets?desk=two');
	last if $t->worker_of($two) != $owner;
	$two->drop();
}

isnt($t->worker_of($two), $owner, 'a client of a worker that is not the owner');
ok($two->wait_text(qr/^MODE websockets$/, 10), 'two: a client');
has_files('two', $all, 'has sockets, too');

my $other = pad('two');

$two->send_text('js,b,0,3,1');
is($other->take(1), 'button 3 1', 'which are served');
is($js->rest(0.1), '', 'each display has its own');

# threads of the owner are all that it had of this display, but for these

sub threads { scalar(my @threads = glob "/proc/$owner/task/*") }

my $before = threads();

$two->send_text('STOP_VIDEO');
ok(wait_for(sub { threads() < $before }, 5), 'a page that is hidden');
$two->send_text('js,b,0,3,0');
is($other->take(1), 'button 3 0', 'keeps them');
$two->send_text('START_VIDEO', 'js,b,0,3,1');
is($other->take(1), 'button 3 1', 'and goes on');

###############################################################################
# what is no folder, or another display's

{
	my $c = controller('same');

	ok(wait_for(sub { $t->error_log() =~ /:$n{three}" has no gamepads: "\Q$base\E-one" is the folder of display ":$n{one}"/ }, 5),
		'a folder has one display');
	$t->expect_log(qr/has no gamepads: .* is the folder of/);
	$one->send_text('js,b,0,0,0');
	is($js->take(1), 'button 0 0', 'which goes on');
	$c->drop();
}

{
	my $c = controller('gone');

	ok(wait_for(sub { $t->error_log() =~ /no gamepads: no folder "\Q$base\E-gone"/ }, 5),
		'a folder is there, or has none');
	$c->drop();
}

{
	my $c = controller('none');

	like($c->wait_text(qr/"server_settings"/, 5) || '',
		qr/"gamepad_enabled":\{"value":false,"locked":true\}/,
		'a client hears that there are none');
	$c->drop();
}

$t->expect_log(qr/"selkies_js_socket_path" is .* which is not an absolute path/);
is(Selkies::WebSocket->new($t, path => '/websockets?desk=up')->{status}, 404,
	'a path is absolute, without steps back');

###############################################################################
# a killed owner, a client that goes, a reload

$two->send_text('js,h,0');
$t->kill_worker($owner);
ok($other->ended(5), 'killed, the owner serves no more');

my $again;

ok(wait_for(sub { ($again = Selkies::Pad->new("$base-two", 'js0'))
	&& length $again->{config} }, 5), 'the next one does');
is(join(', ', grep { / 1$/ } split /, /, $again->take(19)), 'init button 3 1',
	'and knows what is held');
$two->drop();
is($again->take(1), 'button 3 0', 'a client that goes lets go');
has_files('two', '', 'and the sockets go with the display');
ok($again->ended(5), 'for who had them, too');

$one = controller('one');
has_files('one', $all, 'a killed owner\'s sockets are replaced');
is_served('one', $one, 1, 'and served');

$t->reload();
ok($t->reloaded(), 'reloaded');
has_files('one', '', 'the old workers take theirs with them');
$one = controller('one');
is_served('one', $one, 2, 'a client of the new ones has some');

Selkies::WebSocket::close_all();
ok($t->stop(), 'stopped');
is(files('one'), '', 'nothing is left');

$t->done();
