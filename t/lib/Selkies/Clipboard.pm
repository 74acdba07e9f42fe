package Selkies::Clipboard;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Both ends of a clipboard: a websocket client that controls, and the X client of
# t/lib/xselection.c that copies and pastes.

use strict;
use warnings;

use Test::More;

use Digest::SHA qw/ sha256_hex /;
use MIME::Base64 qw/ encode_base64 decode_base64 /;

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

use constant { MIB => 1024 * 1024, CHUNK => 750 * 1024 };

sub new {
	my ($class, $t) = @_;

	return bless { t => $t, x => Selkies::X->new($t, 'xselection'),
		files => 0 }, $class;
}

sub x { $_[0]->{x} }
sub client { $_[0]->{c} }

# Another controller takes the display over.  ext: it negotiates the additions;
# claim => 0: a stock viewer, which does not become the client.

sub control {
	my ($self, %o) = @_;

	my $settings = { enable_binary_clipboard => 'true',
		%{ delete $o{settings} || {} } };
	my ($ext, $before) = (delete $o{ext}, $self->{c});

	my $c = Selkies::WebSocket->new($self->{t}, %o);

	die "no upgrade\n" unless $c->{status} == 101;

	$c->send_text('_ext,{"version":"test","want":["status","html"]}') if $ext;
	$c->send_text(Selkies::WebSocket::settings(800, 600, %$settings));
	$c->{auto_ack} = 1;
	$c->wait_frame(key => 1, timeout => 10) or die "no picture\n";
	$before->wait_close() if $before && $before->{open};
	# an answer proves that the worker listens to the X server by now

	if ($ext) {
		$c->send_text('cr');
		$c->wait_text(qr/^clipboard_reply,cr/, 1);
	}

	$c->round_trip();
	$c->forget();

	return $self->{c} = $c;
}

sub b64 { encode_base64($_[0], '') }

# What an X client pastes; or a word for why not.

sub paste {
	my ($self, $target) = @_;

	my $file = $self->{t}->dir() . '/pasted';
	my $answer = $self->{x}->ask("paste $target $file",
		qr/^(?:pasted|refused)/);

	return $answer =~ /^pasted (\S+)/ ? $self->{t}->read_file('pasted')
		: 'refused';
}

# It takes a moment until it is there, unless a key asks for it.

sub pastes {
	my ($self, $want, $name, $target) = @_;

	my $got = '';

	wait_for { ($got = $self->paste($target || 'UTF8_STRING')) eq $want } 3;

	return is($got, $want, $name) if length $want < 1000;
	return is(sha256_hex($got), sha256_hex($want), $name);
}

sub own {
	my ($self, @pairs) = @_;
	my @words;

	while (my ($target, $data) = splice @pairs, 0, 2) {
		push @words, $self->{t}->write_file('own' . $self->{files}++ % 4,
			$data), $target;
	}

	$self->{x}->ask("own @words", qr/^owns/);
}

# The next clipboard the client is sent, put together: type, data.

sub incoming {
	my ($self, $timeout) = @_;

	my $c = $self->{c};
	my $first = $c->wait_text(qr/^clipboard(?:_binary|_start)?,/,
		$timeout || 5) or return ('', 'nothing');

	return ('text/plain', decode_base64($1)) if $first =~ /^clipboard,(.*)/s;
	return ($1, decode_base64($2)) if $first =~ /^clipboard_binary,(.*?),(.*)/s;

	my ($mime, $total) = $first =~ /^clipboard_start,(.*),(\d+)$/
		or return ('', $first);
	my $data = '';

	while (my $text = $c->wait_text(qr/^clipboard_(?:data|finish)/, 10)) {
		last if $text eq 'clipboard_finish';
		$data .= decode_base64(substr $text, 15);
	}

	return ($mime, length $data == $total ? $data : 'cut: ' . length $data);
}

sub comes {
	my ($self, $mime, $want, $name, $timeout) = @_;

	my ($type, $data) = $self->incoming($timeout);

	return is("$type|$data", "$mime|$want", $name) if length $want < 1000;
	return is("$type|" . sha256_hex($data), "$mime|" . sha256_hex($want), $name);
}

# Sent as a stock page of dialect 1 does it, or with an id as one of dialect 2.

sub send {
	my ($self, $data, %o) = @_;

	my $c = $self->{c};
	my $verb = $o{mime} ? 'cb' : 'cw';
	my $id = defined $o{id} ? "$o{id}," : '';
	my $mime = $o{mime} ? "$o{mime}," : '';

	if (length $data < CHUNK && !defined $o{id}) {
		$c->send_text("$verb,$mime" . b64($data));
		return;
	}

	$c->send_text("${verb}s,$id$mime" . length $data);
	$c->send_text("${verb}d,$id" . b64($_)) for unpack '(a' . CHUNK . ')*',
		$data;
	$c->send_text(defined $o{id} ? "${verb}e,$o{id}" : "${verb}e");
}

# Nothing of the clipboard has come, and what was said has been processed.

sub nothing {
	my ($self, $name, $client) = @_;

	my $c = $client || $self->{c};

	$c->run_for(0.3);
	$c->round_trip();

	my @texts = map { substr $_, 0, 60 } grep { /^clipboard|clipboard_status/ }
		@{ $c->{texts} };

	is("@texts", '', $name);
}

# Why something was not passed on, in the words of the wire.

sub refusal {
	my ($self, $re, $name) = @_;

	my $text = $self->{c}->wait_text(qr/"clipboard_status"/, 5) || 'nothing';

	like($text, $re, $name);
	ok($self->{c}->round_trip(), "$name: the connection stays");
}

# Bytes that neither compress nor repeat, or such a text.

sub noise {
	my ($n) = @_;

	CORE::open my $random, '<', '/dev/urandom' or die "urandom: $!\n";
	read $random, my $seed, 65536;

	my $data = '';

	$data .= $seed ^ chr(length($data) / 65536 % 256) x 65536
		while length $data < $n;

	return substr $data, 0, $n;
}

sub text_of {
	my ($n) = @_;

	return substr b64(noise($n)), 0, $n;
}

1;
